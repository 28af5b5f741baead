"""What can be said of texts, a whole column at a time: characters, words, measures, and streams of them."""
