"""Scales, clipping and rounding chosen on data instead of by rule."""

from neurodeploy.calibration.choose import METHOD_DEFAULT, METHODS, calibrate
from neurodeploy.calibration.data import CalibrationData

__all__ = ["METHODS", "METHOD_DEFAULT", "CalibrationData", "calibrate"]
