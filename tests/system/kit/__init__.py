"""What the system tests are made of: processes, phones, media, and a case that owns them all."""
