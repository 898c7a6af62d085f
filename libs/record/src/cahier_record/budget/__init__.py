"""Budget's public events, their folds, ballot papers, Pabulib files and counting rules.

Importing this registers the events.
"""

from cahier_record.budget import corrections as corrections
from cahier_record.budget import delivery as delivery
from cahier_record.budget import events as events
from cahier_record.budget import life as life
