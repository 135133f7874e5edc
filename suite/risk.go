package suite

import (
	"slices"
	"strings"
)

// A Risk is a trial that the VM may not survive: a runtime service of UEFI, a
// device's input and output, a CPU that is switched off.
type Risk struct {
	Name  string
	Steps []string // steps of it, as the guest announces them
	IDs   []string // requirements that rest on it
	// Skip are the requirements for which it is made: without them it is left out.
	Skip []string
}

// plugIDs are the requirements on devices that the host plugs and unplugs.
var plugIDs = []string{"PLAT-HOTPLUG-BLOCK", "PLAT-HOTPLUG-NET"}

// Risks are the trials in the order in which they are made, by risk: devices,
// the firmware's variables, its clock, others' answers, what the host does, the CPUs' switches.
var Risks = []Risk{
	{Name: "entropy", Steps: []string{"trial entropy"}, IDs: []string{"PLAT-RNG-BYTES"}, Skip: []string{"PLAT-RNG-BYTES"}},
	{Name: "disks", Steps: []string{"trial disks"}, IDs: []string{"PLAT-BLOCK-READ"}, Skip: []string{"PLAT-BLOCK-READ"}},
	{Name: "tpm", Steps: []string{"trial tpm"}, IDs: []string{"PLAT-TPM"}, Skip: []string{"PLAT-TPM"}},
	{Name: "ports", Steps: []string{"trial ports"}, IDs: []string{"PLAT-VIRTIO-PORT"}, Skip: []string{"PLAT-VIRTIO-PORT"}},
	{
		Name: "mounts", Steps: []string{"module efivarfs", "look mounts", "read sys/firmware/efi/efivars"},
		IDs: []string{"FW-VAR-RUNTIME", "FW-VAR-WRITE", "FW-VAR-PERSIST"}, Skip: []string{"FW-VAR-RUNTIME", "FW-VAR-WRITE", "FW-VAR-PERSIST"},
	},
	{Name: "variables", Steps: []string{"trial variables"}, IDs: []string{"FW-VAR-RUNTIME", "FW-VAR-WRITE"}, Skip: []string{"FW-VAR-WRITE"}},
	{Name: "mark", Steps: []string{"trial mark"}, IDs: []string{"FW-VAR-PERSIST"}, Skip: []string{"FW-VAR-PERSIST"}},
	{Name: "image", Steps: []string{"trial image", "look image"}, IDs: bootDiskIDs(), Skip: bootDiskIDs()},
	{
		Name: "clock", Steps: []string{"module rtc_efi", "trial clock", "wait clock"},
		IDs: []string{"FW-RTC", "PLAT-CLOCK-DATE", "PLAT-COUNTER-PACE"}, Skip: []string{"FW-RTC", "PLAT-CLOCK-DATE", "PLAT-COUNTER-PACE"},
	},
	{Name: "network", Steps: []string{"trial network"}, IDs: []string{"PLAT-NET-LINK"}, Skip: []string{"PLAT-NET-LINK"}},
	{Name: "hotplug", Steps: []string{"trial hotplug"}, IDs: plugIDs, Skip: plugIDs},
	{Name: "pause", Steps: []string{"trial pause"}, IDs: []string{"PLAT-CLOCK-PAUSE"}, Skip: []string{"PLAT-CLOCK-PAUSE"}},
	{Name: "offline", Steps: []string{"trial offline"}, IDs: []string{"PLAT-CPU-OFFLINE"}, Skip: []string{"PLAT-CPU-OFFLINE"}},
}

// bootDiskIDs are the requirements on the disk that the guest was booted from.
func bootDiskIDs() (ids []string) {
	for _, r := range images {
		if r.Check != nil {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// FindRisk returns the trial of that name.
func FindRisk(name string) Risk {
	return Risks[slices.IndexFunc(Risks, func(r Risk) bool { return r.Name == name })]
}

// RiskOf returns the trial to which a step belongs, as a guest announces the step.
func RiskOf(said string) (r Risk, ok bool) {
	for _, r := range Risks {
		for _, step := range r.Steps {
			if strings.HasPrefix(said, step) {
				return r, true
			}
		}
	}
	if strings.HasSuffix(said, "beside UEFI GetTime") {
		return FindRisk("clock"), true
	}
	return Risk{}, false
}

// Takes tells whether the settings choose anything for which a trial is made.
func (s Settings) Takes(r Risk) bool { return slices.ContainsFunc(r.Skip, s.Chosen) }
