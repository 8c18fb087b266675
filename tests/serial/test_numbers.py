"""Numbers read all at once are those that ``float`` reads, to the last bit, or none."""

import numpy as np
import pytest

from ecgtool.serial.numbers import any_decimals, plain_decimals


def read(words):
    text = " ".join(words) + "\n"
    codes = np.frombuffer(text.encode(), np.uint8)
    lengths = np.array([len(word) for word in words], np.intp)
    begins = np.cumsum(lengths + 1) - lengths - 1
    return plain_decimals(codes, begins, begins + lengths)


def test_plain_decimals_are_read_to_the_last_bit():
    rng = np.random.default_rng(0)
    words = [
        f"{rng.choice(['', '-', '+'])}{rng.integers(10 ** rng.integers(1, 8))}{rng.choice(['', '.'])}"
        for _ in range(3000)
    ]
    words = [word + str(rng.integers(10**7))[: rng.integers(8)] if "." in word else word for word in words]
    words += ["0", "-0", ".5", "-.5", "5.", "007", "123456789012345", "1234567.12345678", "0.00000000000001"]
    values = read(words)
    assert np.array_equal(values, [float(word) for word in words])
    assert np.signbit(values[words.index("-0")])


@pytest.mark.parametrize(
    "word",
    [
        "-",
        ".",
        "-.",
        "1-2",
        "--1",
        "1.2.3",
        "..5",
        "+-3",
        "1234567890123456",
        "0.123456789012345",
        "1e5",
        "x",
        "1,2",
        "1" * 50,
    ],
)
def test_what_is_not_plain_is_left_to_others(word):
    assert np.isnan(read(["1", word, "-2"])).tolist() == [False, True, False]


def test_other_numbers_are_read_only_where_all_of_them_are():
    assert any_decimals(b"1e3 -2.5E-1 1234567890123456789\n", 3) is None
    assert any_decimals(b"1e3 -2.5E-1 123456789012345678\n", 3).tolist() == [1e3, -0.25, 123456789012345678.0]
    for text, expected in ((b"1 2 x\n", 3), (b"1 2\n", 3), (b"1e400\n", 1), (b"1e19\n", 1)):
        assert any_decimals(text, expected) is None
