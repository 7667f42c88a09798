"""State the pace of voice in test calls, by which the probe sends and the analysis counts."""

INTERVAL = 0.02  # seconds between two voice packets, as Opus and most codecs of calls have
