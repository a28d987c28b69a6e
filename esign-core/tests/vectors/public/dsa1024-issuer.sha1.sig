0<B=e©qâUhIf`uâFï !¬”äëz¿ Õpg­KÞIÚ´€þ±ç›ˆJc+
˜“l