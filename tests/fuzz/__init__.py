"""What is written in C, fed damaged records under AddressSanitizer and UndefinedBehaviorSanitizer."""
