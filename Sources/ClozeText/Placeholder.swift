internal import ClozeCore
