"""A desk to walk through: invented people, simulated cases, passkeys that a program plays.

Every ceremony, decision, signature and seal is the real one; what is simulated is the people and
their devices. It answers on this machine only, and each page says what it is.
"""
