"""Identity: accounts, the people behind them, and the dated files that describe them."""
