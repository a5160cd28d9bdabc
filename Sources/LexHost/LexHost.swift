import Subprocess
import CNetlink
