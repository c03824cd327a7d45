"""deploy/ has rules for Prometheus: of figures that exist, and they call for what they are there for and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from webhook_server.metrics import OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus-rules.yml"
PAGE = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")

needs_promtool = pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed: make needs")

WELL = {
    'up{job="coc-mirror"}': "1x200",
    "coc_database_up": "1x200",
    "coc_jobs_stuck": "0x200",
    "coc_oldest_job_age_seconds": "0+60x50 0x149",
    'coc_deliveries_total{outcome="received"}': "0+1x200",
    'coc_deliveries_total{outcome="failed"}': "0x200",
    'coc_deliveries_total{outcome="unauthenticated"}': "0x200",
    'coc_deliveries_total{outcome="not-received"}': "0x200",
    "coc_spaces_frozen": "0x200",
    "coc_spaces_without_admin_proof": "0x200",
    'coc_notices_total{outcome="sent"}': "0+1x200",
    'coc_notices_total{outcome="failed"}': "0x200",
    "coc_incidents": "3x200",
    'coc_chore_age_seconds{chore="backup"}': "90000x200",
    'coc_chore_age_seconds{chore="nightly"}': "80000x200",
    'coc_chore_failing_seconds{chore="unknown-tickets",code="host-unavailable"}': "0+60x200",
}
"""Figures of a server where all is well, one each minute, in Prometheus's own notation."""


def test_the_rules_are_about_figures_and_outcomes_that_exist() -> None:
    expressions = "\n".join(
        line for line in RULES.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    )
    figures = set(re.findall(r"\bcoc_[a-z_]+", expressions))
    outcomes = {
        one for found in re.findall(r'outcome=~?"([^"]+)"', expressions) for one in found.split("|")
    }

    assert 8 <= len(figures)
    assert [] == [name for name in figures if f"`{name}`" not in PAGE]
    assert {"failed", "unauthenticated"} <= outcomes <= OUTCOMES


def test_no_alert_shows_more_than_that_and_which_kind() -> None:
    shown = set(re.findall(r"\{\{(.*?)\}\}", RULES.read_text(encoding="utf-8")))

    assert {" $labels.outcome "} == shown


@needs_promtool
def test_prometheus_understands_both_files() -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", str(ROOT / "deploy" / "prometheus.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 0 == checked.returncode, checked.stdout + checked.stderr


@needs_promtool
@pytest.mark.parametrize(
    ("figure", "values", "alert"),
    [
        ("", "", ""),
        ('up{job="coc-mirror"}', "0x200", "CocServerGone"),
        ("coc_database_up", "0x200", "CocServerGone"),
        ("coc_oldest_job_age_seconds", "0+60x200", "CocReportWaits"),
        ("coc_jobs_stuck", "1x200", "CocReportWaits"),
        ('coc_deliveries_total{outcome="failed"}', "0x170 1x30", "CocDeliveryRefused"),
        ('coc_deliveries_total{outcome="unauthenticated"}', "0x170 1x30", "CocDeliveryRefused"),
        ('coc_deliveries_total{outcome="not-received"}', "0x170 1x30", "CocDeliveryRefused"),
        ("coc_spaces_frozen", "1x200", "CocSpaceClosed"),
        ("coc_spaces_without_admin_proof", "1x200", "CocSpaceClosed"),
        ('coc_notices_total{outcome="failed"}', "0x170 1x30", "CocNoticeFailed"),
        ('coc_chore_age_seconds{chore="backup"}', "700000x200", "CocChoreOverdue"),
        ('coc_chore_age_seconds{chore="backup"}', "_x200", "CocChoreOverdue"),
        ('coc_chore_age_seconds{chore="nightly"}', "180000x200", "CocChoreOverdue"),
        ('coc_chore_failing_seconds{chore="boards",code="host-refused"}', "100000x200", "CocChoreFails"),
    ],
)
def test_an_alert_is_given_for_its_trouble_and_no_other(
    tmp_path: Path, figure: str, values: str, alert: str
) -> None:
    figures = WELL | ({figure: values} if figure else {})
    names = sorted(set(re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))))
    firing = [
        {
            "eval_time": "3h",
            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
            "exp_samples": [{"labels": "{}", "value": int(name == alert)}],
        }
        for name in names
    ]
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": given} for name, given in figures.items()],
        "promql_expr_test": firing,
    }
    told = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "test.yml").write_text(json.dumps(told), encoding="utf-8")  # JSON is YAML

    tested = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "test.yml")], capture_output=True, text=True, check=False
    )

    assert 7 == len(names)
    assert 0 == tested.returncode, tested.stdout + tested.stderr
