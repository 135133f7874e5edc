package cpu

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestLevel(t *testing.T) {
	const begin = "[    0.000000] Booting Linux\n"
	cases := []struct {
		name, log string
		want      Level
	}{
		{"EL1", begin + "[    0.1] CPU: All CPU(s) started at EL1\n", Level{Started: "EL1", Said: "CPU: All CPU(s) started at EL1", Whole: true}},
		{"EL2", begin + "[    0.1] CPU: All CPU(s) started at EL2\n", Level{Started: "EL2", Said: "CPU: All CPU(s) started at EL2", Whole: true}},
		{"several", begin + "[    0.1] CPU: CPUs started in inconsistent modes\n", Level{Started: "several", Said: "CPU: CPUs started in inconsistent modes", Whole: true}},
		{"AArch32", begin + "[    0.1] CPU: All CPU(s) started in SVC mode.\n", Level{Started: "EL1", Said: "CPU: All CPU(s) started in SVC mode.", Whole: true}},
		{"AArch32 with a hypervisor's mode", begin + "[    0.1] CPU: All CPU(s) started in HYP mode.\n", Level{Started: "EL2", Said: "CPU: All CPU(s) started in HYP mode.", Whole: true}},
		{"KVM is asked last", begin + "[    0.9] kvm [1]: HYP mode not available\n[    1.0] CPU: All CPU(s) started at EL2\n", Level{Started: "EL2", Said: "CPU: All CPU(s) started at EL2", Whole: true}},
		{"KVM of a log without its beginning", "[    0.9] kvm [1]: HYP mode not available\n", Level{Started: "EL1", Said: "kvm [1]: HYP mode not available"}},
		{"KVM at EL2", "[    0.9] kvm [1]: VHE mode initialized successfully\n", Level{Started: "EL2", Said: "kvm [1]: VHE mode initialized successfully"}},
		{"silent", begin, Level{Whole: true}},
		{"cut", "[    5.0] random: crng init done\n", Level{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var l Level
			l.read(fstest.MapFS{"vmspec/kmsg": {Data: []byte(c.log)}})
			require.Equal(t, c.want, l)
		})
	}
	var l Level
	l.read(fstest.MapFS{})
	require.NotEmpty(t, l.Err)
}
