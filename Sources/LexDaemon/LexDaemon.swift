import Crypto
import X509
import Yams
import ServiceLifecycle
import NIOHTTP1
import NIOWebSocket
