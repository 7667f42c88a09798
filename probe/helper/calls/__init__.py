"""Take part in calls over SIP and WebRTC, so that a probe makes a call without an account."""
