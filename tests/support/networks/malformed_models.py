"""Models that cannot be compiled, each for a reason of its own; see test_malformed.py."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from snnc.models.attention import TA
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF

REASONS: dict[str, str] = {}
"""Name of the factory → what the sentence must say."""


def malformed(says):
    def note(factory):
        REASONS[factory.__name__] = says
        return factory

    return note


class Forward(nn.Module):
    """A module whose forward is a function of it and its input."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.function(self, x)


def ended(*layers):
    return nn.Sequential(*layers, TimeMean())


@malformed("takes 7 inputs, got 8|shapes cannot be multiplied")
def wrong_width():
    return ended(nn.Linear(7, 3), LIF())


@malformed("cannot take an input")
def wrong_channels():
    return ended(nn.Conv2d(5, 3, 3))


@malformed("NaN or infinite")
def nan_weight():
    model = ended(nn.Linear(8, 3), LIF())
    model[0].weight.data[1, 2] = float("nan")
    return model


@malformed("NaN or infinite")
def infinite_bias():
    model = ended(nn.Linear(8, 3), LIF())
    model[0].bias.data[0] = float("inf")
    return model


@malformed("torch.float64")
def double_precision():
    return ended(nn.Linear(8, 3), LIF()).double()


@malformed("torch.float16")
def half_precision():
    return ended(nn.Linear(8, 3), LIF()).half()


@malformed("torch.complex64")
def complex_weight():
    model = ended(nn.Linear(8, 3), LIF())
    model[0].weight = nn.Parameter(model[0].weight.data.to(torch.complex64))
    return model


@malformed("decides by the numbers")
def branch_on_data():
    return Forward(lambda m, x: x.mean(0) if x.sum() > 3 else x.sum(0))


@malformed("decides by the numbers")
def loop_on_data():
    def forward(_, x):
        while x.mean() < 1:
            x = x + 1
        return x.mean(0)

    return Forward(forward)


@malformed("the function gt is not supported")
def data_dependent_shape():
    return Forward(lambda m, x: x[x > 0].mean(0))


@malformed("no operator is registered")
def unknown_layer():
    return ended(nn.Linear(8, 3), nn.GELU())


@malformed("no operator is registered")
def unknown_recurrent_layer():
    return Forward(lambda m, x: m.rnn(x)[0].mean(0), rnn=nn.GRU(8, 3))


@malformed("the function lgamma is not supported")
def unknown_function():
    return Forward(lambda m, x: torch.lgamma(x).mean(0))


@malformed("the function sort is not supported")
def sorted_values():
    return Forward(lambda m, x: torch.sort(x, 0)[0].mean(0))


@malformed("the function erfinv is not supported")
def unknown_method():
    return Forward(lambda m, x: x.erfinv().mean(0))


@malformed("one result for each step")
def no_readout():
    return nn.Sequential(nn.Linear(8, 3), LIF())


@malformed("something else than a tensor")
def gives_a_number():
    return Forward(lambda m, x: 3)


@malformed("something else than a tensor")
def gives_a_number_in_a_dictionary():
    return Forward(lambda m, x: {"scores": x.mean(0), "loss": 3})


@malformed("takes another input")
def two_inputs():
    class Two(nn.Module):
        def forward(self, x, y):
            return (x + y).mean(0)

    return Two()


@malformed("padding_mode 'reflect'")
def reflected_padding():
    convolution = nn.Conv2d(8, 2, 3, padding=1, padding_mode="reflect")
    return ended(OverTime(OrderedDict(conv=convolution)), LIF())


@malformed("cannot take an input")
def kernel_larger_than_input():
    return ended(nn.Conv2d(8, 3, 5))


@malformed("only means and sums over time")
def mean_over_samples():
    return Forward(lambda m, x: x.mean(1).mean(0))


@malformed("what it did not do at step 0")
def steps_out_of_order():
    def forward(m, x):
        return torch.stack([m.fc(x[t]) for t in reversed(range(len(x)))]).mean(0)

    return Forward(forward, fc=nn.Linear(8, 3))


@malformed("did not do at step 0|do at step|does at step")
def steps_that_differ():
    def forward(m, x):
        return torch.stack([(m.a if t == 0 else m.b)(x[t]) for t in range(len(x))]).mean(0)

    return Forward(forward, a=nn.Linear(8, 3), b=nn.Linear(8, 3))


@malformed("mixes values of different steps")
def future_and_present():
    def forward(m, x):
        return torch.stack([m.fc(x[t]) + m.fc(x[0]) for t in range(len(x))]).mean(0)

    return Forward(forward, fc=nn.Linear(8, 3))


@malformed("sums 2 of 3 steps")
def sum_of_some_steps():
    return Forward(lambda m, x: 0 + m.fc(x[0]) + m.fc(x[1]), fc=nn.Linear(8, 3))


@malformed("running statistics")
def batch_statistics():
    model = ended(nn.BatchNorm1d(3, track_running_stats=False))
    return nn.Sequential(nn.Linear(8, 3), Forward(lambda m, x: m.bn(x.flatten(0, 1)), bn=model[0]))


@malformed("not flattening all features")
def reshaped_across_time():
    return Forward(lambda m, x: m.fc(x.reshape(1, 1, -1)), fc=nn.Linear(24, 3))


@malformed("gave a OrderedDict, not an nn.Module")
def state_dict():
    return nn.Linear(8, 3).state_dict() | {}


@malformed("cannot trace its forward")
def raises():
    def forward(m, x):
        raise ValueError("not today")

    return Forward(forward)


@malformed("cannot trace its forward")
def converts_to_numpy():
    return Forward(lambda m, x: torch.from_numpy(x.numpy()).mean(0))


@malformed("cannot trace its forward|is not supported")
def reads_a_number():
    return Forward(lambda m, x: x.mean(0) * float(x.max()))


@malformed("the factory failed")
def factory_that_fails():
    raise RuntimeError("no such backbone")


@malformed("torch.complex64|cannot trace|does not keep")
def complex_factor():
    return Forward(lambda m, x: (x * 1j).mean(0))


@malformed("torch.float64")
def constant_in_double():
    model = Forward(lambda m, x: (x + m.shift).mean(0))
    model.register_buffer("shift", torch.ones(8, dtype=torch.float64))
    return model


@malformed("decides by the numbers|cannot trace its forward")
def size_from_data():
    return Forward(lambda m, x: x[: int(x.sum())].mean(0))


@malformed("the function nonzero is not supported")
def indices_of_data():
    return Forward(lambda m, x: torch.nonzero(x).float().mean(0))


@malformed("the function rand_like is not supported")
def random_numbers():
    return Forward(lambda m, x: (x + torch.rand_like(x)).mean(0))


@malformed("cannot take an input")
def recurrence_by_hand():
    """A cycle without delay cannot be traced: what is read has not been computed."""

    def forward(m, x):
        m.state = m.fc(m.state if m.state.numel() else x[0, 0, :3])
        return x.mean(0)

    model = Forward(forward, fc=nn.Linear(8, 3))
    model.state = torch.zeros(0)
    return model


@malformed("attention.temporal: the model cannot take an input")
def attention_for_another_window():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = OverTime(OrderedDict(conv=nn.Conv2d(8, 2, 3)))
            self.attention = TA(5)
            self.lif, self.mean = LIF(), TimeMean()

        def forward(self, x):
            return self.mean(self.lif(self.attention(self.conv(x))).flatten(2))

    return Net()
