"""Budget's public events, their folds, ballot papers, Pabulib files and counting rules.

Importing this registers the events.
"""

from cahier_record.budget import events as events
