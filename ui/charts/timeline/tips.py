"""What each of the Timeline's figures shows, told on hover."""

TIPS = {
    "generalization": "Mean loss on text that was never trained on, by domain: estimate for this "
    "order minus the reference order. Below zero: generalizes better. Bars: 90 % interval; that "
    "of the mean averages the domains’, which is its upper bound. Diamonds: real retraining, "
    "filled where the interval leaves it out.",
    "ranking": "The samples whose estimated final loss differs most from the reference order, or "
    "was changed most by the last move, with 90 % intervals; diamonds are the real retraining. "
    "Click a dot, or a row of the table, to see its tile.",
    "memorization": "One point a sample, at each step that trains it in this order; what lies on "
    "the bench has none. “Change”: its estimated final loss minus that of the reference order; "
    "below zero the model remembers it better. “Learned”: what training changed, its loss before "
    "minus its loss after. Whiskers: 90 % interval, drawn where it leaves out zero. Diamonds: real "
    "retraining, filled where the interval leaves it out.",
    "trajectory": "Above: the loss after so many steps, in the reference order and estimated for "
    "this order. Below: their difference, enlarged. It is measured at a few steps only, where the "
    "dots are; the lines between them guide the eye. The choice is among held-out text, the "
    "samples of the run, and the sample selected on the board.",
}
