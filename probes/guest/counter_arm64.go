package guest

const haveCounter = true

// counterMayTrap is false where Linux lets every program read the counter or,
// on a CPU with an erratum, reads it for the program
// (arch/arm64/kernel/traps.c, cntvct_read_handler). Go's own clock reads it.
const counterMayTrap = false

func cntvct() uint64
func cntfrq() uint32
