"""What operators read, in English and Simplified Chinese: texts, expected errors, spans of time."""
