"""The words that pages of every kind share."""

from collections.abc import Mapping

COMMON: Mapping[str, Mapping[str, str]] = {
    "en": {
        "pages": "Pages",
        "switch": "中文",
        "copy_text": "Copy",
        "copied": "Copied",
        "not_copied": "Not copied",
    },
    "zh": {
        "pages": "页面",
        "switch": "English",
        "copy_text": "复制",
        "copied": "已复制",
        "not_copied": "复制失败",
    },
}
OTHER: Mapping[str, str] = {"en": "zh", "zh": "en"}
"""The language that a page offers to switch to."""
