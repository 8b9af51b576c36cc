from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.datasets import OFF, ON, GestureSim, Recording, frame_dataset
from snnc.models.datasets.gesture_sim import Scene, draw_subject, simulate
from snnc.models.datasets.gesture_sim.figure import Capsules, pose, two_links
from snnc.models.datasets.gesture_sim.gestures import Performance, perform
from snnc.models.datasets.gesture_sim.render import draw_wall, render
from snnc.models.datasets.gesture_sim.sensor import Sensor, events_from_images
from snnc.models.datasets.gesture_sim.simulate import LABORATORY
from snnc.models.datasets.published.dvs_gesture import GESTURE_NAMES

SILENT = Sensor(threshold=0.25, mismatch=0.0, refractory_us=0, noise_hz=0.0)
"""A camera whose pixels are all alike, never blind and never noisy."""

RIGHT_WAVE, LEFT_WAVE = 1, 2
CLOCKWISE, COUNTER_CLOCKWISE = (3, 5), (4, 6)


# --- one recording -----------------------------------------------------------------------


def test_same_arguments_give_the_same_events_even_in_another_process() -> None:
    script = (
        "from snnc.models.datasets.gesture_sim import draw_subject, simulate\n"
        "import sys\n"
        "sys.stdout.buffer.write(simulate(3, draw_subject(2, 7), 1, 7, 60_000).events.tobytes())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    here = simulate(3, draw_subject(2, 7), 1, 7, 60_000)
    assert len(here) > 0
    assert other.stdout == here.events.tobytes()


def test_seed_subject_gesture_and_trial_each_change_the_events() -> None:
    def events(gesture: int, subject: int, trial: int, seed: int) -> bytes:
        person = draw_subject(subject, seed)
        return simulate(gesture, person, trial, seed, 60_000).events.tobytes()

    variants = [(3, 2, 1, 7), (4, 2, 1, 7), (3, 3, 1, 7), (3, 2, 2, 7), (3, 2, 1, 8)]
    assert len({events(*variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize("gesture", range(11), ids=GESTURE_NAMES)
def test_recording_looks_like_a_dvs128(gesture: int) -> None:
    recording = simulate(gesture, draw_subject(gesture, 0), 0, 0)
    events = recording.events
    assert recording.sensor == (128, 128)
    assert 0 <= events["t"][0] < 10_000
    assert 890_000 < events["t"][-1] < 900_000
    rate = len(events) / 0.9
    assert 2_000 < rate < 300_000  # events/s; DVS128 Gesture's are some tens of thousands
    assert 0.3 < np.mean(events["p"]) < 0.7


def test_duration_is_respected() -> None:
    recording = simulate(0, draw_subject(0, 0), 0, 0, duration_us=100_000)
    assert 0.9 * 100_000 < recording.events["t"][-1] < 102_000


@pytest.mark.parametrize(
    ("gesture", "trial", "seed", "duration_us"),
    [(11, 0, 0, 10), (-1, 0, 0, 10), (0, -1, 0, 10), (0, 0, -1, 10), (0, 0, 0, 0)],
)
def test_impossible_arguments_are_refused(
    gesture: int, trial: int, seed: int, duration_us: int
) -> None:
    with pytest.raises(SnncError) as caught:
        simulate(gesture, draw_subject(0, 0), trial, seed, duration_us)
    assert caught.value.code is BAD_OPTION


# --- labels mean what they say -----------------------------------------------------------

RIGHT_HANDED, LEFT_HANDED = 24, 29


def image_turn(recording: Recording) -> float:
    """Twice the area that the middle of the events circles; positive clockwise on screen."""
    events = recording.events
    window = events["t"] // 45_000
    middle = np.array(
        [
            [np.median(events["x"][window == step]), np.median(events["y"][window == step])]
            for step in range(20)
        ]
    )
    x, y = (middle - middle.mean(axis=0)).T
    return float(np.sum(x[:-1] * y[1:] - y[:-1] * x[1:]))


@pytest.mark.parametrize("person", [RIGHT_HANDED, LEFT_HANDED])
def test_events_turn_the_way_the_label_says(person: int) -> None:
    subject = draw_subject(person, 0)
    assert subject.left_handed == (person == LEFT_HANDED)
    for gesture in CLOCKWISE:
        assert image_turn(simulate(gesture, subject, 0, 0)) > 200
    for gesture in COUNTER_CLOCKWISE:
        assert image_turn(simulate(gesture, subject, 0, 0)) < -200


@pytest.mark.parametrize("person", [RIGHT_HANDED, LEFT_HANDED])
def test_the_right_hand_is_on_the_left_of_the_image(person: int) -> None:
    """The person faces the camera; handedness changes the style, never the side."""
    subject = draw_subject(person, 0)
    right = simulate(RIGHT_WAVE, subject, 0, 0).events["x"]
    left = simulate(LEFT_WAVE, subject, 0, 0).events["x"]
    assert np.mean(right) + 20 < np.mean(left)


@pytest.mark.parametrize("gesture", range(11), ids=GESTURE_NAMES)
def test_hands_stay_within_reach_and_do_not_jump(gesture: int) -> None:
    """Between images 3 ms apart no hand moves 3 pixels."""
    time = np.arange(301) * 0.003
    for person in range(6):
        performance = Performance(time, draw_subject(person, 0), np.random.default_rng(person))
        motion = perform(gesture, performance)
        for path in (motion.right, motion.left):
            assert path.shape == (301, 3)
            assert np.linalg.norm(path, axis=1).max() < 1.25
        capsules = pose(performance.subject, motion, np.zeros((301, 3)))
        steps = np.linalg.norm(np.diff(capsules.ends[..., :2], axis=0), axis=-1)
        assert steps.max() < 3.0


# --- the body ----------------------------------------------------------------------------

coordinates = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(np.array)


@settings(deadline=None)
@given(coordinates, coordinates, st.floats(0.1, 0.4), st.floats(0.1, 0.4))
def test_two_links_keep_their_lengths_and_reach_what_is_in_reach(
    root: np.ndarray, target: np.ndarray, first: float, second: float
) -> None:
    hint = np.array([0.3, -1.0, -0.3])
    middle, end = two_links(root[None], target[None], first, second, hint)
    assert np.linalg.norm(middle[0] - root) == pytest.approx(first, abs=1e-6)
    assert np.linalg.norm(end[0] - middle[0]) == pytest.approx(second, abs=1e-6)
    distance = np.linalg.norm(target - root)
    if abs(first - second) + 0.002 < distance < first + second - 0.002:
        np.testing.assert_allclose(end[0], target, atol=1e-6)


def test_two_links_bend_even_where_the_hint_lies_along_the_line() -> None:
    hint = np.array([0.0, -1.0, 0.0])
    middle, end = two_links(np.zeros((1, 3)), 0.4 * hint[None], 0.3, 0.2, hint)
    assert np.linalg.norm(middle) == pytest.approx(0.3)
    assert np.linalg.norm(end - middle) == pytest.approx(0.2)


# --- rendering ---------------------------------------------------------------------------


def one_capsule(ends: list[list[float]]) -> Capsules:
    return Capsules(np.array([[ends]]), np.array([1.0]), np.array([[0]]))


@pytest.mark.parametrize(
    "ends",
    [
        [[40.3, 60.2, 6.0], [90.7, 70.9, 6.0]],
        [[64.0, 64.0, 10.0], [64.0, 64.0, 10.0]],
        [[20.5, 100.0, 3.0], [20.5, 30.0, 3.0]],
    ],
)
def test_capsule_covers_its_area_and_nothing_else(ends: list[list[float]]) -> None:
    wall = np.full((128, 128), 1e-3, np.float32)
    image = next(render(one_capsule(ends), repeat(wall)))
    (x0, y0, radius), (x1, y1, _) = ends
    row, column = np.mgrid[:128, :128]
    length = np.hypot(x1 - x0, y1 - y0)
    share = ((column - x0) * (x1 - x0) + (row - y0) * (y1 - y0)) / max(length**2, 1e-9)
    share = np.clip(share, 0, 1)
    distance = np.hypot(column - x0 - share * (x1 - x0), row - y0 - share * (y1 - y0))
    assert (image[distance > radius + 0.5] == wall[0, 0]).all()
    assert (image[distance < radius - 0.5] >= 0.69).all()  # shading takes up to 0.3 of it
    edge = np.abs(distance - radius) < 0.49
    shade = 1 - 0.3 * np.minimum(distance / radius, 1) ** 2
    covered = np.where(edge, image / shade, image > 0.5).sum()
    assert covered == pytest.approx(np.pi * radius**2 + 2 * radius * length, rel=0.02)


def test_capsule_partly_or_wholly_outside_the_image() -> None:
    wall = np.full((128, 128), 0.5, np.float32)
    outside = next(render(one_capsule([[-50.0, -50.0, 5.0], [-20.0, 300.0, 5.0]]), repeat(wall)))
    assert (outside == wall).all()
    across = next(render(one_capsule([[-50.0, 10.0, 5.0], [300.0, 10.0, 5.0]]), repeat(wall)))
    assert (across[8:13] > 0.8).all()
    assert (across[17:] == 0.5).all()


def test_near_parts_hide_far_ones() -> None:
    ends = np.array([[[[64.0, 64.0, 20.0]] * 2, [[64.0, 64.0, 5.0]] * 2]])
    wall = np.full((128, 128), 0.5, np.float32)
    small_in_front = Capsules(ends, np.array([0.2, 0.9]), np.array([[0, 1]]))
    small_behind = Capsules(ends, np.array([0.2, 0.9]), np.array([[1, 0]]))
    assert next(render(small_in_front, repeat(wall)))[64, 64] == pytest.approx(0.9)
    assert next(render(small_behind, repeat(wall)))[64, 64] == pytest.approx(0.2)


# --- the camera --------------------------------------------------------------------------


def ramp(log_change: float, images: int = 11, side: int = 4) -> Iterator[np.ndarray]:
    """Images whose log intensity changes evenly by ``log_change`` from first to last."""
    for step in range(images):
        level = np.exp(log_change * step / (images - 1))
        yield np.full((side, side), level, np.float32)


@pytest.mark.parametrize(("change", "polarity"), [(2.0, ON), (-2.0, OFF)])
def test_even_change_gives_one_event_a_threshold_evenly_in_time(
    change: float, polarity: int
) -> None:
    """2.0 in 10,000 us at threshold 0.25 is an event every 1250 us in every pixel.

    A pixel starts anywhere within a threshold of its last event: 7 or 8 fit.
    """
    events = events_from_images(ramp(change), 1000, SILENT, np.random.default_rng(0))
    assert set(events["p"]) == {polarity}
    for pixel in range(16):
        mine = events[(events["y"] == pixel // 4) & (events["x"] == pixel % 4)]
        assert len(mine) in (7, 8)
        assert mine["t"][0] <= 2500
        assert np.abs(np.diff(mine["t"]) - 1250).max() <= 2


def test_still_scene_without_noise_has_no_events() -> None:
    events = events_from_images(ramp(0.0), 1000, SILENT, np.random.default_rng(0))
    assert len(events) == 0


def test_refractory_period_keeps_events_of_a_pixel_apart() -> None:
    sensor = Sensor(threshold=0.25, mismatch=0.03, refractory_us=2000, noise_hz=0.0)
    events = events_from_images(ramp(5.0), 1000, sensor, np.random.default_rng(0))
    for pixel in range(16):
        times = events["t"][(events["y"] == pixel // 4) & (events["x"] == pixel % 4)]
        assert len(times) >= 4
        assert np.diff(times).min() >= 2000


def test_thresholds_differ_between_pixels() -> None:
    sensor = Sensor(threshold=0.25, mismatch=0.05, refractory_us=0, noise_hz=0.0)
    events = events_from_images(ramp(10.0, side=16), 1000, sensor, np.random.default_rng(0))
    counts = np.bincount(events["y"].astype(int) * 16 + events["x"], minlength=256)
    estimate = 10.0 / counts
    assert np.mean(estimate) == pytest.approx(0.25, rel=0.05)
    assert np.std(estimate) == pytest.approx(0.05, rel=0.25)


def test_noise_has_the_rate_it_was_given() -> None:
    sensor = Sensor(threshold=0.25, mismatch=0.0, refractory_us=0, noise_hz=2.0)
    still = (np.ones((128, 128), np.float32) for _ in range(11))
    events = events_from_images(still, 100_000, sensor, np.random.default_rng(0))
    assert len(events) == pytest.approx(2.0 * 128 * 128, rel=0.1)  # of 1 s
    assert np.mean(events["p"]) == pytest.approx(0.5, abs=0.02)
    assert (np.diff(events["t"]) >= 0).all()


def test_one_image_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two images"):
        events_from_images([np.ones((4, 4), np.float32)], 1, SILENT, np.random.default_rng(0))


# --- the data set ------------------------------------------------------------------------


def test_train_and_test_people_are_different() -> None:
    train, test = GestureSim("train"), GestureSim("test")
    assert not {s.index for s in train.subjects} & {s.index for s in test.subjects}
    assert (len(train), len(test)) == (660, 220)
    for split in (train, test):
        assert any(subject.left_handed for subject in split.subjects)
        assert any(not subject.left_handed for subject in split.subjects)


def test_samples_mix_classes_and_repeat_nothing() -> None:
    dataset = GestureSim("test", seed=3, per_class=12)
    samples = [dataset[index] for index in (0, 10, 11, 109, 110, 131)]
    assert [sample.label for sample in samples] == [0, 10, 0, 10, 0, 10]
    assert [sample.name.split("subject ")[1] for sample in samples] == [
        "24 gesture 0 trial 0",
        "24 gesture 10 trial 0",
        "25 gesture 0 trial 0",
        "33 gesture 10 trial 0",
        "24 gesture 0 trial 1",
        "25 gesture 10 trial 1",
    ]
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_frames_for_the_papers_geometry() -> None:
    dataset = GestureSim("test", per_class=1)
    framed = frame_dataset(dataset, dt_us=15_000, time_steps=60, downsample=4, samples=2)
    assert framed.frames.shape == (2, 60, 2, 32, 32)
    assert framed.labels.tolist() == [0, 1]
    assert framed.dropped == 0
    assert int(framed.frames[0].sum()) == len(dataset[0].recording)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"per_class": 0}])
def test_impossible_data_sets_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SnncError) as caught:
        GestureSim("train", **wrong)
    assert caught.value.code is BAD_OPTION


# --- harder scenes -----------------------------------------------------------------------


def test_a_moving_wall_and_noise_add_events_and_a_still_one_is_the_plain_scene() -> None:
    def events(scene: Scene = LABORATORY) -> int:
        return len(simulate(0, draw_subject(0, 0), 0, 0, 120_000, scene))

    plain = events()
    assert events(Scene(noise_hz=LABORATORY.noise_hz)) == plain
    noise = events(Scene(noise_hz=(2.0, 2.0))) - plain
    assert noise == pytest.approx(2.0 * 128 * 128 * 0.12, rel=0.25)
    assert events(Scene(drift=120.0)) > plain + 1000


def test_a_wall_moves_by_whole_pixels_as_a_picture_does() -> None:
    wall = draw_wall(np.random.default_rng(1))
    still, moved = wall.image(), wall.image(down=3.0, right=5.0)
    assert np.abs(moved[3:, 5:] - still[:-3, :-5]).max() < 1e-5
    assert np.abs(moved - still).max() > 0.01
    first, second = wall.moving((0.0, 60.0), np.array([0.0, 0.05]))
    assert (first == still).all()
    assert (second == wall.image(right=3.0)).all()


@pytest.mark.parametrize(
    "scene", [{"noise_hz": (2.0, 1.0)}, {"noise_hz": (-1.0, 0.0)}, {"drift": -1.0}]
)
def test_impossible_scenes_are_refused(scene: dict) -> None:
    with pytest.raises(SnncError) as caught:
        Scene(**scene)
    assert caught.value.code is BAD_OPTION
