package target

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeKVM has these capabilities and devices.
type fakeKVM struct {
	capabilities []uintptr
	devices      []uint32
	err          error
}

func (k fakeKVM) has(capability uintptr) (bool, error) {
	for _, c := range k.capabilities {
		if c == capability {
			return true, nil
		}
	}
	return false, nil
}

func (k fakeKVM) creates(device uint32) (bool, error) {
	for _, d := range k.devices {
		if d == device {
			return true, nil
		}
	}
	return false, k.err
}

func TestAskKVM(t *testing.T) {
	for name, test := range map[string]struct {
		host fakeKVM
		want []string
	}{
		"all":                   {fakeKVM{[]uintptr{kvmCapEL1AArch32}, []uint32{kvmGICv2, kvmGICv3}, nil}, nil},
		"a GICv2 host":          {fakeKVM{[]uintptr{kvmCapEL1AArch32}, []uint32{kvmGICv2}, nil}, []string{"gicv3"}},
		"a server of 2026":      {fakeKVM{nil, []uint32{kvmGICv3}, nil}, []string{"aarch32", "gicv2"}},
		"no GIC of either kind": {fakeKVM{nil, nil, nil}, []string{"aarch32", "gicv2", "gicv3"}},
	} {
		got, err := ask(test.host)
		require.NoError(t, err, name)
		require.Equal(t, test.want, got, name)
	}
	_, err := ask(fakeKVM{err: errors.New("inappropriate ioctl")})
	require.Error(t, err)
}

func TestLacks(t *testing.T) {
	require.Empty(t, Lacks("tcg"))
	require.Equal(t, []string{"aarch32"}, Lacks("hvf"))
	if KVM() != nil {
		require.Empty(t, Lacks("kvm"), "what is unknown excuses nothing")
	}
}
