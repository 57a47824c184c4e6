"""Differences are told by field, and only those that mean something."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.resources.differences import differences


@pytest.mark.parametrize(
    ("desired", "observed", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1, "added by others": 2}, []),
        ({"a": 1}, {"a": 2}, ["a: 2 -> 1"]),
        ({"a": 1}, {}, ["a: - -> 1"]),
        ({"a": 1}, None, ["a: - -> 1"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ["a.b: 'y' -> 'x'"]),
        ({"a": {"b": "x"}}, {}, ["a.b: - -> 'x'"]),
        ({"a": False, "b": "", "c": {}, "d": []}, {}, []),
        ({"a": False}, {"a": True}, ["a: True -> False"]),
        ({"a": ["x", "y"]}, {"a": ["x", "y"]}, []),
        ({"a": ["x", "y"]}, {"a": ["x", "z"]}, ["a[1]: 'z' -> 'y'"]),
        ({"a": ["x"]}, {"a": ["x", "y"]}, ["a: ['x', 'y'] -> ['x']"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "set by the server": 2}]}, []),
        ({"cpu": "1000m"}, {"cpu": "1"}, []),
        ({"cpu": "500m"}, {"cpu": "0.5"}, []),
        ({"memory": "1Gi"}, {"memory": "1024Mi"}, []),
        ({"memory": "1Gi"}, {"memory": "1G"}, ["memory: '1G' -> '1Gi'"]),
        ({"pods": "50"}, {"pods": "51"}, ["pods: '51' -> '50'"]),
        ({"a": None}, {"a": 1}, ["a: 1 -> -"]),
        ({"a": {"b": 1}}, {"a": "text"}, ["a: 'text' -> {'b': 1}"]),
    ],
)
def test_only_what_is_desired_and_differs_is_told(desired: Any, observed: Any, told: list[str]) -> None:
    assert [str(item) for item in differences(desired, observed)] == told
