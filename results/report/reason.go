package report

import "strings"

// Reasons of a skip that guest and host both know: a host may judge what a guest
// could not, and says what is missing.
const (
	Skipped          = "vmspec.skip"
	GuessedDisk      = "guessed-disk"     // nothing says that the guest was booted from the disk
	NobodyAnswered   = "nobody-answered"  // somebody was asked to type
	HostDidNotAct    = "host-did-not-act" // somebody was asked to plug, to unplug or to pause
	NeedsImage       = "needs-image"      // a disk image under test
	NeedsImageCheck  = "needs-image-check"
	NeedsBoot        = "needs-boot"
	NeedsTwoBoots    = "needs-two-boots"
	NeedsTwoVMs      = "needs-two-vms"
	NeedsHost        = "needs-host"   // what only the VMM's side knows
	NeedsReboot      = "needs-reboot" // a boot that ends in a reboot
	NeedsHotplug     = "needs-hotplug"
	NeedsAArch32     = "needs-aarch32"
	NeedsGICv2       = "needs-gicv2"
	NeedsGICv3       = "needs-gicv3"
	HostLacksAArch32 = "host-lacks-aarch32" // its processor has none, and the texts ask it only where it has
	HostLacksGICv2   = "host-lacks-gicv2"
	NeedsGuestOS     = "needs-guest-os"    // a guest OS under test
	NeedsOwnGuest    = "needs-own-guest"   // a guest that the suite booted
	OtherDescription = "other-description" // Linux runs by ACPI, not by the tree, or the reverse
)

// Needs tells whether a point was skipped because something is missing, and not
// because somebody left it out.
func (p Point) Needs() bool { return p.Verdict == Skip && strings.HasPrefix(p.Reason, "needs-") }
