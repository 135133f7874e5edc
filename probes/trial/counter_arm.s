#include "textflag.h"

// The assembler has no mnemonics for coprocessor 15's 64-bit registers and
// barriers, so those instructions stand as words: Arm ARM DDI 0406C.

// func cntvct() uint64
// CNTVCT, Virtual Count register: MRRC p15, 1, R0, R1, c14.
TEXT ·cntvct(SB), NOSPLIT, $0-8
	WORD	$0xf57ff06f	// ISB SY
	WORD	$0xec510f1e	// MRRC p15, 1, R0, R1, c14
	MOVW	R0, ret_lo+0(FP)
	MOVW	R1, ret_hi+4(FP)
	RET

// func cntfrq() uint32
// CNTFRQ, Counter Frequency register: MRC p15, 0, R0, c14, c0, 0.
TEXT ·cntfrq(SB), NOSPLIT, $0-4
	WORD	$0xee1e0f10	// MRC p15, 0, R0, c14, c0, 0
	MOVW	R0, ret+0(FP)
	RET
