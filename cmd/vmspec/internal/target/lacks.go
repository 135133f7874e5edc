package target

import "vmspec/results"

// Lacks returns what guests cannot have on this machine by an accelerator, of what
// the specification asks only where the processor has it. Emulation has all of it.
func Lacks(accel string) []string {
	switch accel {
	case "kvm":
		lacks, err := lacksOfKVM()
		if err != nil {
			return nil // unknown, and excuses nothing
		}
		return lacks
	case "hvf": // Apple's processors have no AArch32; QEMU itself is the GIC
		return []string{results.LacksAArch32}
	}
	return nil
}

// A kvmHost is what KVM says of its host.
type kvmHost interface {
	has(capability uintptr) (bool, error)
	creates(device uint32) (bool, error)
}

// From Linux's include/uapi/linux/kvm.h.
const (
	kvmCapEL1AArch32 = 93 // KVM_CAP_ARM_EL1_32BIT
	kvmGICv2         = 5  // KVM_DEV_TYPE_ARM_VGIC_V2
	kvmGICv3         = 7  // KVM_DEV_TYPE_ARM_VGIC_V3
)

// ask asks KVM what its guests cannot have.
func ask(host kvmHost) (lacks []string, err error) {
	for _, q := range []struct {
		name string
		has  func() (bool, error)
	}{
		{results.LacksAArch32, func() (bool, error) { return host.has(kvmCapEL1AArch32) }},
		{results.LacksGICv2, func() (bool, error) { return host.creates(kvmGICv2) }},
		{results.LacksGICv3, func() (bool, error) { return host.creates(kvmGICv3) }},
	} {
		has, err := q.has()
		if err != nil {
			return nil, err
		}
		if !has {
			lacks = append(lacks, q.name)
		}
	}
	return lacks, nil
}
