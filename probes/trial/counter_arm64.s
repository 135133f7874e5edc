#include "textflag.h"

// func cntvct() uint64
// CNTVCT_EL0, Counter-timer Virtual Count register: Arm ARM DDI 0487.
// The ISB keeps the read from being made early.
TEXT ·cntvct(SB), NOSPLIT, $0-8
	ISB	$15
	MRS	CNTVCT_EL0, R0
	MOVD	R0, ret+0(FP)
	RET

// func cntfrq() uint32
// CNTFRQ_EL0, Counter-timer Frequency register: Arm ARM DDI 0487.
TEXT ·cntfrq(SB), NOSPLIT, $0-4
	MRS	CNTFRQ_EL0, R0
	MOVW	R0, ret+0(FP)
	RET
