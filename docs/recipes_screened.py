"""A recipe with DeepSeek-Coder's screening: parsers, and the quality model that `pipelines.train_quality` has trained.

The model's path comes from the environment, so that workers elsewhere can be given a URL.
"""

import os
from dataclasses import replace

from filters import code, math, text
from filters.measures import GROUPS, MeasureConfig
from filters.quality import quality_group
from filters.screening import SCREENING
from pipelines.recipes import Recipe, demo


def screened() -> Recipe:
    """The demo, without files that do not parse, and without the lowest twentieth of each language."""
    model = os.environ.get("QUALITY_MODEL", "quality.model")
    groups = (*GROUPS, SCREENING, quality_group(os.path.abspath(model) if "://" not in model else model))
    rules = (*code.screened(), *code.ISSUES, *math.PAGES, *code.PAGES, *text.GOPHER)
    base = demo()
    return replace(base, measure=MeasureConfig(groups=groups), filter=replace(base.filter, rules=rules))
