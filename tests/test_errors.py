"""Errors can be caught by what to do about them, and by what Python calls such things."""

import numpy as np
import pytest

import ecgnoise
from ecgnoise import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EcgNoiseError)]
TO_DO = (
    errors.InputError,
    errors.OptionError,
    errors.ModelError,
    errors.TrainingError,
    errors.OutputError,
    errors.ResumeError,
    errors.DownloadError,
    errors.MissingExtraError,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_says_what_to_do(kind):
    assert kind is errors.EcgNoiseError or sum(issubclass(kind, one) for one in TO_DO) == 1
    assert all(one.__name__ in errors.__doc__ for one in TO_DO)
    assert kind.__doc__.endswith(".")


def test_errors_are_what_python_calls_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        ecgnoise.read(tmp_path / "absent.hea")
    with pytest.raises(FileNotFoundError, match="no such table"):
        ecgnoise.load_results(tmp_path / "absent.csv")
    with pytest.raises(FileNotFoundError, match="absent"):
        ecgnoise.Quantifier(tmp_path / "absent")
    with pytest.raises(ValueError, match="sampling_frequency"):
        ecgnoise.quantify(np.zeros((1, 5000)))
    with pytest.raises(ValueError, match="lead"):
        ecgnoise.simulate_ecg(10, lead_names=["nonsense"])
    with pytest.raises(ImportError, match=r"pip install"):
        raise errors.MissingExtraError("this", "that", "train")


def test_a_missing_file_can_still_be_caught_as_unreadable(tmp_path):
    with pytest.raises(errors.UnreadableFileError):
        ecgnoise.read(tmp_path / "absent.hea")
    assert not issubclass(errors.UnreadableFileError, OSError)
