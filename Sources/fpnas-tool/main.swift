print("fpnas")
