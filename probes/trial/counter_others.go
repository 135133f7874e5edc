//go:build !arm && !arm64

package trial

// Other architectures have no generic timer; nothing calls these there.
const haveCounter = false

func cntvct() uint64 { return 0 }
func cntfrq() uint32 { return 0 }
