"""What a trained run is for: predictions for students of any table or data set, and a model that leaves the store."""
