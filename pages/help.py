"""What the numbers mean, how the estimate works and where it is wrong."""

from ui.app import shell, state
from ui.pages import help

shell.through_app()
state.enter("help")
help.show()
