"""The paper's figures and its table, reproduced: `python -m adain.paper FIGURE`.

The paper is Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
Normalization", ICCV 2017. What comes out is compared with what it says, figure by figure.
"""
