"""The kernels that a device computes with."""

import pytest
import torch

from runner.settings.messages import explain
from runner.training.machine import choose_kernels


@pytest.fixture
def torchs_choice():
    yield
    torch.use_deterministic_algorithms(False)


def test_on_a_processor_torch_is_left_alone():
    choose_kernels(torch.device("cpu"), deterministic=True)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("asked", [True, False])
def test_other_devices_compute_as_the_run_asks(torchs_choice, asked):
    torch.use_deterministic_algorithms(not asked)  # as the run before left it
    choose_kernels(torch.device("meta"), deterministic=asked)
    assert torch.are_deterministic_algorithms_enabled() == asked


def test_an_operation_without_such_a_kernel_is_named_with_the_setting(torchs_choice):
    torch.use_deterministic_algorithms(True)
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(3).put_(torch.tensor([0, 1]), torch.tensor([1.0, 2.0]))
    assert explain(raised.value) == (
        "trainer.deterministic must be false on this device for a model that needs put_"
    )
