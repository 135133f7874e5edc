package guest

const haveCounter = true

// counterMayTrap is true where a program that reads the counter can get
// SIGILL: drivers/clocksource/arm_arch_timer.c closes it to programs when its
// vDSO must not use it.
const counterMayTrap = true

func cntvct() uint64
func cntfrq() uint32
