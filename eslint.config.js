// Lint of the browser's scripts and of their tests; `npm run lint`.
import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['ui/web/**/*.js'],
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'no-shadow': 'error',
      'no-implicit-globals': 'error',
      'no-restricted-properties': ['error',
        { property: 'innerHTML', message: 'Text goes in as text nodes: see shared/dom.js.' },
        { property: 'outerHTML', message: 'Text goes in as text nodes: see shared/dom.js.' }],
      'no-restricted-syntax': ['error',
        { selector: 'CallExpression[callee.property.name="insertAdjacentHTML"]', message: 'Text goes in as text nodes.' }],
      'no-eval': 'error',
    },
  },
  { files: ['tests/web/**/*.js', '*.config.js'], languageOptions: { globals: globals.node } },
];
