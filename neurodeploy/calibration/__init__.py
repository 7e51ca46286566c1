"""Scales, clipping and rounding chosen on data instead of by rule."""

from neurodeploy.calibration.choose import METHODS, calibrate
from neurodeploy.calibration.data import CalibrationData

__all__ = ["METHODS", "CalibrationData", "calibrate"]
