"""Device profiles: every figure has its source, condition and kind; absent ones are refused."""

from __future__ import annotations

import pytest

from snnc.errors import BAD_ENERGY_TABLE, BAD_OPTION, SnncError
from snnc.estimator import devices, tables
from snnc.estimator.activity import observe
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.report import Report, Subject
from snnc.estimator.survey import Survey
from tests.support.counting import ByHand, by_hand_frames, interpret, network_of

PROFILES = devices.bundled()


@pytest.mark.parametrize("name", PROFILES)
def test_every_figure_has_citation_condition_and_kind(name: str) -> None:
    profile = PROFILES[name]
    assert profile.figures or profile.absent
    for figure in profile.figures:
        assert len(figure.source) > 10, figure
        assert figure.condition.strip(), figure
        assert figure.kind in devices.KINDS
        assert figure.grade in devices.GRADES
        assert figure.unit.strip()
    quantities = [figure.quantity for figure in profile.figures]
    assert len(set(quantities)) == len(quantities)
    assert not set(profile.absent) & set(quantities)


def test_published_prices_are_these_and_no_others() -> None:
    prices = {name: PROFILES[name].synaptic_pj for name in devices.priced()}
    assert prices == {
        "loihi-1": 23.6, "neuronflow": 20.0, "odin": 12.7, "reckon": 5.3, "seneca": 2.8,
        "spinnaker-1": 45.0, "spinnaker-1-with-software": 13300.0, "spinnaker-2": 10.0,
        "spinnaker-2-test-chip": 450.0, "tianjic": 1.54, "truenorth": 2.5, "ubrain": 26.0,
    }  # fmt: skip
    assert PROFILES["loihi-1"].update_pj == 81
    assert PROFILES["odin"].update_pj is None


@pytest.mark.parametrize("name", ["loihi-2", "speck-2e", "akida-akd1000", "rp2040", "nrf52840"])
def test_what_nobody_published_is_refused(name: str) -> None:
    with pytest.raises(SnncError, match="no energy per synaptic operation") as caught:
        devices.usable(name)
    assert caught.value.code is BAD_OPTION
    assert "loihi-1" in caught.value.hint


def test_unknown_device_is_refused_with_the_choices() -> None:
    with pytest.raises(SnncError, match="no device profile called 'loihi'") as caught:
        devices.usable("loihi")
    assert "loihi-1, loihi-2" in caught.value.hint


FIGURE = (
    'title = "t"\n[[figure]]\nquantity = "q"\nvalue = 1\nunit = "pJ"\ncondition = "c"\n'
    'source = "s"\ngrade = "primary"\nkind = "measured"\n'
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title =", "is not TOML"),
        ("", "no title"),
        ('title = "t"\nprice = 1\n', "unknown entries price"),
        (FIGURE.replace('source = "s"\n', ""), "q: needs quantity, value"),
        (FIGURE.replace('"s"', '" "'), "q: source is empty"),
        (FIGURE.replace('"c"', '""'), "q: condition is empty"),
        (FIGURE.replace('"measured"', '"guessed"'), "q: kind is one of measured, derived, stated"),
        (FIGURE.replace("value = 1", "value = nan"), "q: value must be a finite number"),
        ('title = "t"\n[[absent]]\nquantity = "q"\n', "needs quantity and looked"),
    ],
)
def test_a_profile_without_its_evidence_is_refused(text: str, says: str) -> None:
    assert devices.parse(FIGURE, "ours").figure("q") is not None
    with pytest.raises(SnncError, match=says) as caught:
        devices.parse(text, "ours")
    assert caught.value.code is BAD_ENERGY_TABLE


@pytest.mark.parametrize("name", ["loihi-1", "odin"])
def test_device_total_by_hand(name: str) -> None:
    """64 synaptic operations (34 MAC, 30 AC); 32 + 32 + 3 neurons at 2 steps."""
    network = network_of(ByHand(), (1, 4, 4), 2)
    survey = Survey(network, [EXECUTED], memory=True)
    for activity in observe(network, [by_hand_frames()] * 2, interpret):
        survey.add(activity)
    subject = Subject.of("ours", survey, tables.load("horowitz-f32"))
    profile = PROFILES[name]
    report = Report(subject, device=profile)
    total = report.changes[-1].model
    neurons = sum(layer.neuron_count for layer in network.executed_layers)
    expected = profile.synaptic_pj * 64 + (profile.update_pj or 0) * neurons * 2
    assert total.name == "device"
    assert total.energy_pj == pytest.approx(2 * expected)
    assert total.each == pytest.approx((expected, expected))
    assert "have no price there" in total.note
    assert report.sram == []
