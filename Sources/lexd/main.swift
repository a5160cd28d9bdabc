import ArgumentParser
import LexDaemon
import LexClient
print(1)
