package trial

const haveCounter = true

func cntvct() uint64
func cntfrq() uint32
