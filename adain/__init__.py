"""Arbitrary style transfer by adaptive instance normalisation (Huang and Belongie, ICCV 2017).

Images in, images out. This package reads no settings and knows no job.
"""

__version__ = "0.1.0"
