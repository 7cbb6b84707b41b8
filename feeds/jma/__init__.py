"""JMA disaster XML (気象庁防災情報XML): the envelope, and one module per family of telegrams."""
