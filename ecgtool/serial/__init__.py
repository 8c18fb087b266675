"""Text logs of loggers and microcontrollers -> recordings: what a serial port prints, line by line.

``dialect`` tells how a log is written, ``table`` reads its numbers, ``clock`` and ``grid`` make a uniform rate of its
times, ``scale`` makes millivolts of ADC counts, ``convert`` does all of it, ``outputs`` writes the result, ``capture``
listens to a port.
"""
