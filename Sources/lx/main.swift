import ArgumentParser
import LexClient
print(1)
