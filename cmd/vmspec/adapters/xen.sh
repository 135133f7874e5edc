#!/bin/sh
# Plugs, unplugs and pauses a domain of Xen's for the guest in it, by xl in dom0.
#
#   --on-need 'hotplug-block=adapters/xen.sh my-domain'
#   --on-need 'hotplug-net=adapters/xen.sh my-domain xenbr0' --on-need 'pause=adapters/xen.sh my-domain'
#
# usage: xen.sh DOMAIN [BRIDGE], with what the guest needs in VMSPEC_*: vmspec help hotplug
set -eu

[ $# = 1 ] || [ $# = 2 ] || { echo 'usage: xen.sh DOMAIN [BRIDGE]' >&2; exit 3; }
domain=$1
bridge=${2:-xenbr0}
disk=xvdz # no other of the domain's is called so

case $VMSPEC_NEED in
hotplug-block)
	# target= takes the rest of the line: it comes last.
	xl block-attach "$domain" "format=raw,vdev=$disk,access=rw,target=$VMSPEC_DISK"
	;;
unplug-block)
	xl block-detach "$domain" "$disk"
	;;
hotplug-net)
	xl network-attach "$domain" "mac=$VMSPEC_MAC" "bridge=$bridge"
	;;
unplug-net)
	xl network-detach "$domain" "$VMSPEC_MAC"
	;;
pause)
	trap 'xl unpause "$domain"' EXIT # whatever ends us
	trap 'exit 1' INT TERM
	xl pause "$domain"
	sleep 5
	;;
*)
	echo "xen.sh does not serve $VMSPEC_NEED" >&2
	exit 3
	;;
esac
