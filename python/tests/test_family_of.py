"""The family of a model is told by its files."""

import json
from pathlib import Path

import pytest

from mitsuke_export.errors import ExportError
from mitsuke_export.families import family_of
from mitsuke_export.families.options import Options
from mitsuke_export.source import Source


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "clip"}, "transformers"),
        ({"model_type": "siglip"}, "transformers"),
        ({"model_type": "clip", "text_config": {"model_type": "roberta"}}, "rinna"),
        ({"model_type": "cloob"}, "rinna"),
        ({"model_type": "japanese_stable_clip"}, "japanese-stable-clip"),
        ({"model_type": "", "auto_map": {"AutoModel": "modeling_x.JapaneseStableCLIPModel"}}, "japanese-stable-clip"),
        ({"model_type": "clyp", "architectures": ["CLYPModel"]}, "clyp"),
    ],
)
def test_config_tells_the_family(config: dict, family: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert family_of(Source("a/b", tmp_path), Options()) == family


def test_open_clip_config_tells_the_family(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text("{}", encoding="utf-8")
    assert family_of(Source("a/b", tmp_path), Options()) == "open_clip"
    assert family_of(Source("open_clip:a:b", None, open_clip=("a", "b")), Options()) == "open_clip"


def test_users_choice_wins(tmp_path: Path) -> None:
    assert family_of(Source("a/b", tmp_path), Options(family="rinna")) == "rinna"


def test_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"neither config\.json nor open_clip_config\.json"):
        family_of(Source("a/b", tmp_path), Options())
