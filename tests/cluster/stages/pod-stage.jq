# Names the stage that a pod is in; each Stage of pod.yaml selects one name.
def modes: ["image-pull-error", "image-denied", "image-forbidden", "registry-busy", "never-pull",
            "invalid-image-name", "config-error", "create-error",
            "start-error", "exit-126", "exit-127", "crash-loop", "oom", "never-ready"];
def failing($annotations):
  ($annotations["fail.slipway.kubernetes/" + .name] // (.image | split(":") | last)) as $mode
  | modes | any(. == $mode);

(.metadata.annotations // {}) as $annotations
| ([(.spec.initContainers // [])[], .spec.containers[]] | any(failing($annotations))) as $failing
| [(.status.initContainerStatuses // [])[], (.status.containerStatuses // [])[]] as $statuses
| if .metadata.deletionTimestamp then
    # Grace 0: the deletion is done. Another DELETE would hit a StatefulSet's next pod of that name.
    (if .metadata.finalizers or .metadata.deletionGracePeriodSeconds == 0 then "terminating" else "delete" end)
  elif .status.phase == "Succeeded" or .status.phase == "Failed" then "finished"
  elif .status.startTime == null then "create"
  elif $statuses | all(.state.waiting.reason | . == "ContainerCreating" or . == "PodInitializing") then
    (if $failing then "start-failing" else "start" end)
  elif $failing then "failing"
  elif $statuses | any(.ready | not) then "recover"
  elif [(.metadata.ownerReferences // [])[].kind] | any(. == "Job") then "complete"
  else "running"
  end
