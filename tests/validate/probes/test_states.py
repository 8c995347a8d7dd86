import pytest

torch = pytest.importorskip("torch")
from validate.probes.states import (  # noqa: E402
    BLOCK,
    AdamW,
    InBackward,
    _rounded,
    decode_signed,
    decode_square,
    encode_signed,
    encode_square,
)


def numbers(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, generator=generator) * 10 ** torch.empty(n).uniform_(-4, 0, generator=generator)


def test_eight_bits_keep_a_mean_within_a_fiftieth_down_to_a_thousandth_of_the_blocks_largest():
    values = numbers(3 * BLOCK + 7)
    back = decode_signed(*encode_signed(values))
    largest = (
        torch.nn.functional.pad(values, (0, BLOCK - 7))
        .view(-1, BLOCK)
        .abs()
        .amax(1)
        .repeat_interleave(BLOCK)[: len(values)]
    )
    for share, bound in ((0.1, 0.026), (0.001, 0.13)):
        chosen = values.abs() > share * largest
        assert ((back - values).abs() / values.abs())[chosen].max() < bound
    assert torch.equal(back.sign()[chosen], values.sign()[chosen])


def test_a_square_above_zero_never_becomes_zero():
    values = torch.cat([torch.tensor([1.0, 1e-20, 0.0]), numbers(BLOCK - 3).square()])
    back = decode_square(*encode_square(values))
    assert back[1] > 0 and back[2] == 0
    assert (back[3:].sqrt() / values[3:].sqrt() - 1).abs()[values[3:] > 1e-6].max() < 0.1


def test_a_block_of_zeros_stays_one():
    assert not decode_signed(*encode_signed(torch.zeros(300))).any()
    assert not decode_square(*encode_square(torch.zeros(300))).any()


def trained(make, steps=20):
    torch.manual_seed(0)
    layer = torch.nn.Linear(40, 30)
    optimizer = make([{"params": list(layer.parameters()), "weight_decay": 0.1}])
    inputs, targets = torch.randn(64, 40), torch.randn(64, 30)
    for _ in range(steps):
        torch.nn.functional.mse_loss(layer(inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
    return torch.cat([p.detach().flatten() for p in layer.parameters()])


def test_with_states_of_32_bits_it_is_pytorchs_adamw():
    ours = trained(lambda groups: AdamW(groups, lr=0.01, bits=32))
    theirs = trained(lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95)))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_with_states_of_8_bits_it_goes_nearly_the_same_way():
    ours = trained(lambda groups: AdamW(groups, lr=0.01, bits=8))
    theirs = trained(lambda groups: torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95)))
    start = trained(lambda groups: AdamW(groups, lr=0.01, bits=8), steps=0)
    assert (ours - theirs).norm() < 0.1 * (theirs - start).norm()


def test_states_of_8_bits_take_two_bytes_and_two_scales_a_block():
    weights = torch.nn.Parameter(torch.zeros(1000))
    optimizer = AdamW([{"params": [weights]}], lr=0.1, bits=8)
    weights.grad = torch.ones(1000)
    optimizer.step()
    kept = sum(t.nbytes for t in optimizer.state[weights].values() if isinstance(t, torch.Tensor))
    assert kept == 2 * 1000 + 2 * 4 * 4


def test_bfloat16_is_rounded_up_as_often_as_the_number_is_near_to_it():
    torch.manual_seed(0)
    low, high = 1.0, 1.0078125
    made = _rounded(torch.full((20_000,), low + 0.25 * (high - low)), torch.bfloat16).float()
    assert set(made.tolist()) == {low, high}
    assert (made == high).float().mean() == pytest.approx(0.25, abs=0.02)


def test_the_step_inside_backward_is_that_after_it_and_frees_each_gradient():
    def run(inside):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 1))
        optimizer = AdamW([{"params": list(net.parameters())}], lr=0.01, bits=8)
        fused = InBackward(optimizer, clip=1e9) if inside else None
        for _ in range(3):
            if fused and not fused.norm:  # the first backward only measures
                net(torch.ones(4, 8)).square().mean().backward()
                fused.end_step()
            net(torch.ones(4, 8)).square().mean().backward()
            if fused:
                assert all(p.grad is None for p in net.parameters())
                assert fused.end_step() > 0
            else:
                optimizer.step()
                optimizer.zero_grad()
        return [p.detach().clone() for p in net.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(run(True), run(False), strict=True))
