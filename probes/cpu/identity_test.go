package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/cpu"
	"vmspec/probes/guest/guesttest"
)

// identity reads a captured guest with other texts.
func identity(t *testing.T, cpuinfo, log string) cpu.Identity {
	t.Helper()
	f, err := cpu.Read(guesttest.Open(t, one).With(map[string][]byte{"proc/cpuinfo": []byte(cpuinfo), "vmspec/kmsg": []byte(log)}))
	require.NoError(t, err)
	return f.Identity
}

func TestReadIdentity(t *testing.T) {
	const a57 = "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd07\nCPU revision\t: 0\n\n"
	const a53 = "processor\t: 1\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n"
	const variation = "Unexpected variation in SYS_ID_AA64PFR0_EL1. Boot CPU: 0x00000001002222, CPU1: 0x00000000002222"
	tests := map[string]struct {
		cpuinfo, log string
		want         cpu.Identity
	}{
		"nothing":        {"", "", cpu.Identity{}},
		"log failed":     {a57, "error no log\n", cpu.Identity{Models: []string{"0x41 0xd07 r1p0"}, Err: "no log"}},
		"log cut":        {a57, "[    9.000000] x\n", cpu.Identity{Models: []string{"0x41 0xd07 r1p0"}}},
		"cut within":     {"CPU revision", "", cpu.Identity{Models: []string{"  rp"}}},
		"all alike":      {a57 + a57, "[    0.000000] x\n", cpu.Identity{Models: []string{"0x41 0xd07 r1p0"}, Whole: true}},
		"of two kinds":   {a57 + a53 + a57, "[    0.000000] x\n", cpu.Identity{Models: []string{"0x41 0xd03 r0p4", "0x41 0xd07 r1p0"}, Whole: true}},
		"that they vary": {a57, "[    0.000000] x\n[    0.1] CPU features: SANITY CHECK: " + variation + "\n", cpu.Identity{Models: []string{"0x41 0xd07 r1p0"}, Variations: []string{variation}, Whole: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, identity(t, test.cpuinfo, test.log)) })
	}
}

func TestReadLate(t *testing.T) {
	for log, want := range map[string][]int{
		"":                     nil,
		"error no log\n":       nil,
		"[    0.1] CPU1: up\n": nil,
		"[    0.1] psci: failed to boot CPU1 (-22)\n":                                     nil,
		"[    5.1] C: failed to come online\n":                                            nil,
		"[    5.1] CPU1x: failed to come online\n":                                        nil,
		"[    5.1] : failed to come online\n":                                             nil,
		"[    5.1] CPU1: failed to come online\n[    9.9] CPU12: failed to come online\n": {1, 12},
	} {
		f, err := cpu.Read(guesttest.Open(t, one).With(map[string][]byte{"vmspec/kmsg": []byte(log)}))
		require.NoError(t, err)
		require.Equal(t, want, f.Late, log)
	}
}
