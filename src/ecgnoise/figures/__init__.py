"""Figures of ECG and its noise, drawn with matplotlib (the extra ``plot``).

What is here knows arrays, times and names alone. :meth:`ecgnoise.Recording.plot`, :meth:`ecgnoise.Result.plot` and the
other methods of that name say what is to be drawn.
"""
